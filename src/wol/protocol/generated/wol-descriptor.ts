/** Generated from wol.proto by hack/generators/proto.ts; do not edit. */

export interface Timestamp {
  seconds: number;
  nanos: number;
}

export const ResponseStatus = {
  /** Never sent on purpose: what an answer of an unknown kind decodes to. */
  UNKNOWN: 0,
  /** Work goes on; the outcome shows in status, Events and metrics. */
  ACCEPTED: 1,
  /** The same wake was answered or is in flight. */
  DUPLICATE: 2,
  /** No config on that port knows the address. */
  VM_NOT_FOUND: 3,
  /** KubeVirt accepted the start that this event caused. */
  VM_START_INITIATED: 4,
  /** The machine is active, or KubeVirt keeps it on already. */
  VM_ALREADY_RUNNING: 5,
  /** Refused or failed; the message begins with the reason. */
  ERROR: 6,
} as const;
export type ResponseStatus = (typeof ResponseStatus)[keyof typeof ResponseStatus];

/** How the packet arrived. */
export const Transport = {
  TRANSPORT_UNSPECIFIED: 0,
  TRANSPORT_UDP4: 1,
  TRANSPORT_UDP6: 2,
  TRANSPORT_ETHERNET: 3,
} as const;
export type Transport = (typeof Transport)[keyof typeof Transport];

/** A magic packet that an agent received. */
export interface WOLEvent {
  /** The address to wake, six hex pairs. */
  macAddress: string;
  /** When the agent read the packet. */
  timestamp?: Timestamp | undefined;
  /** The node the agent runs on. */
  nodeName: string;
  /** Plain text form, IPv4-mapped IPv6 as IPv4, without zone. */
  sourceIp: string;
  sourcePort: number;
  /** Length of the whole datagram or frame payload, in bytes. */
  packetSize: number;
  /** UDP port the packet was sent to; 0 means any. */
  destPort: number;
  /** SecureOn password: 0, 4 or 6 bytes. */
  secureOn: Uint8Array;
  transport: Transport;
  /** Outer VLAN id of an Ethernet frame; 0 means untagged. */
  vlanId: number;
  /** Interface an Ethernet frame came in on. */
  interface: string;
  /** The WolConfig the agent serves. */
  configName: string;
}

/** What became of an event. */
export interface WOLEventResponse {
  status: ResponseStatus;
  /** For people. `<Reason>: <text>` when status is ERROR. */
  message: string;
  /** The machine the address belongs to, whenever one was resolved. */
  vmInfo?: VMInfo | undefined;
  wasDuplicate: boolean;
  /** From receipt of the event to this answer, in milliseconds. */
  processingTimeMs: number;
}

/** A virtual machine as the manager sees it. */
export interface VMInfo {
  name: string;
  namespace: string;
  currentState: string;
}

export interface HealthCheckRequest {
  /** Accepted and not interpreted: every name gets the same answer. */
  service: string;
}

export const ServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
} as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

export interface HealthCheckResponse {
  status: ServingStatus;
}

/** State of one agent, sent after connecting, on change and once a minute. */
export interface AgentStatus {
  nodeName: string;
  configName: string;
  version: string;
  ports: PortStatus[];
  rawInterfaces: string[];
  /** Why Ethernet frames are not received; empty when they are, or were not asked for. */
  rawError: string;
  queueLength: number;
  /** Events the agent gave up since it started. */
  eventsDropped: number;
  /** Datagrams the kernel dropped at the agent's sockets since it started. */
  kernelDrops: number;
  startedAt?: Timestamp | undefined;
  /** Why the health endpoint is not served; empty when it is. */
  healthError: string;
}

/** One UDP port of an agent. */
export interface PortStatus {
  port: number;
  ipv4: boolean;
  ipv6: boolean;
  /** Why a family is not bound; empty when both are. */
  error: string;
}

export type AgentStatusAck = Record<string, never>;

/** Descriptor of wol.proto, for `fromJSON` of @grpc/proto-loader. */
export const WOL_DESCRIPTOR: Readonly<Record<string, unknown>> = {
  "nested": {
    "google": {
      "nested": {
        "protobuf": {
          "nested": {
            "Timestamp": {
              "fields": {
                "seconds": {
                  "type": "int64",
                  "id": 1
                },
                "nanos": {
                  "type": "int32",
                  "id": 2
                }
              }
            }
          }
        }
      }
    },
    "wol": {
      "nested": {
        "v1": {
          "nested": {
            "WOLService": {
              "methods": {
                "ReportWOLEvent": {
                  "requestType": "WOLEvent",
                  "responseType": "WOLEventResponse"
                },
                "ReportWOLEventStream": {
                  "requestType": "WOLEvent",
                  "requestStream": true,
                  "responseType": "WOLEventResponse",
                  "responseStream": true
                },
                "HealthCheck": {
                  "requestType": "HealthCheckRequest",
                  "responseType": "HealthCheckResponse"
                },
                "ReportAgentStatus": {
                  "requestType": "AgentStatus",
                  "responseType": "AgentStatusAck"
                }
              }
            },
            "ResponseStatus": {
              "values": {
                "UNKNOWN": 0,
                "ACCEPTED": 1,
                "DUPLICATE": 2,
                "VM_NOT_FOUND": 3,
                "VM_START_INITIATED": 4,
                "VM_ALREADY_RUNNING": 5,
                "ERROR": 6
              }
            },
            "Transport": {
              "values": {
                "TRANSPORT_UNSPECIFIED": 0,
                "TRANSPORT_UDP4": 1,
                "TRANSPORT_UDP6": 2,
                "TRANSPORT_ETHERNET": 3
              }
            },
            "WOLEvent": {
              "fields": {
                "macAddress": {
                  "type": "string",
                  "id": 1
                },
                "timestamp": {
                  "type": "google.protobuf.Timestamp",
                  "id": 2
                },
                "nodeName": {
                  "type": "string",
                  "id": 3
                },
                "sourceIp": {
                  "type": "string",
                  "id": 4
                },
                "sourcePort": {
                  "type": "uint32",
                  "id": 5
                },
                "packetSize": {
                  "type": "uint32",
                  "id": 6
                },
                "destPort": {
                  "type": "uint32",
                  "id": 7
                },
                "secureOn": {
                  "type": "bytes",
                  "id": 8
                },
                "transport": {
                  "type": "Transport",
                  "id": 9
                },
                "vlanId": {
                  "type": "uint32",
                  "id": 10
                },
                "interface": {
                  "type": "string",
                  "id": 11
                },
                "configName": {
                  "type": "string",
                  "id": 12
                }
              }
            },
            "WOLEventResponse": {
              "fields": {
                "status": {
                  "type": "ResponseStatus",
                  "id": 1
                },
                "message": {
                  "type": "string",
                  "id": 2
                },
                "vmInfo": {
                  "type": "VMInfo",
                  "id": 3
                },
                "wasDuplicate": {
                  "type": "bool",
                  "id": 4
                },
                "processingTimeMs": {
                  "type": "int64",
                  "id": 5
                }
              }
            },
            "VMInfo": {
              "fields": {
                "name": {
                  "type": "string",
                  "id": 1
                },
                "namespace": {
                  "type": "string",
                  "id": 2
                },
                "currentState": {
                  "type": "string",
                  "id": 3
                }
              }
            },
            "HealthCheckRequest": {
              "fields": {
                "service": {
                  "type": "string",
                  "id": 1
                }
              }
            },
            "HealthCheckResponse": {
              "fields": {
                "status": {
                  "type": "ServingStatus",
                  "id": 1
                }
              },
              "nested": {
                "ServingStatus": {
                  "values": {
                    "UNKNOWN": 0,
                    "SERVING": 1,
                    "NOT_SERVING": 2
                  }
                }
              }
            },
            "AgentStatus": {
              "fields": {
                "nodeName": {
                  "type": "string",
                  "id": 1
                },
                "configName": {
                  "type": "string",
                  "id": 2
                },
                "version": {
                  "type": "string",
                  "id": 3
                },
                "ports": {
                  "rule": "repeated",
                  "type": "PortStatus",
                  "id": 4
                },
                "rawInterfaces": {
                  "rule": "repeated",
                  "type": "string",
                  "id": 5
                },
                "rawError": {
                  "type": "string",
                  "id": 6
                },
                "queueLength": {
                  "type": "uint32",
                  "id": 7
                },
                "eventsDropped": {
                  "type": "uint64",
                  "id": 8
                },
                "kernelDrops": {
                  "type": "uint64",
                  "id": 9
                },
                "startedAt": {
                  "type": "google.protobuf.Timestamp",
                  "id": 10
                },
                "healthError": {
                  "type": "string",
                  "id": 11
                }
              }
            },
            "PortStatus": {
              "fields": {
                "port": {
                  "type": "uint32",
                  "id": 1
                },
                "ipv4": {
                  "type": "bool",
                  "id": 2
                },
                "ipv6": {
                  "type": "bool",
                  "id": 3
                },
                "error": {
                  "type": "string",
                  "id": 4
                }
              }
            },
            "AgentStatusAck": {
              "fields": {}
            }
          }
        }
      }
    }
  }
};
