/** Stands for the namespace the operator runs in, which is known only at run time. */
export const OPERATOR_NAMESPACE = Symbol('operator namespace');
