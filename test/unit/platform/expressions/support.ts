import { expect } from 'chai';
import { compileExpression, compileTemplate, ExpressionScope, type ScopeFacts } from '../../../../src/platform/expressions';
import type { Json } from '../../../../src/platform/json';
import { aContext, type ContextParts } from '../support/asset-context';

export type Facts = ContextParts & Pick<ScopeFacts, 'params' | 'item' | 'files' | 'self'> & { readonly vars?: readonly string[] };

export function aScope({ params, item, files, self, vars: _vars, ...parts }: Facts = {}): ExpressionScope {
  return new ExpressionScope({
    context: aContext(parts),
    ...(params === undefined ? {} : { params }),
    ...(item === undefined ? {} : { item }),
    ...(files === undefined ? {} : { files }),
    ...(self === undefined ? {} : { self }),
  });
}

/** What an expression gives. */
export async function evaluated(source: string, facts: Facts = {}): Promise<Json | undefined> {
  return compileExpression(source, { hasItem: facts.item !== undefined }).evaluate(aScope(facts));
}

/** What a document of the catalog renders to. */
export async function rendered(document: Json, facts: Facts = {}): Promise<Json | undefined> {
  return compileTemplate(document, { hasItem: facts.item !== undefined }).evaluate(aScope(facts));
}

/** The error that something ends with. */
export async function errorOf(action: () => unknown): Promise<Error & { reason?: string; isTransient?: boolean }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  return expect.fail('expected an error');
}
