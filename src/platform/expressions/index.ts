/** The door to the expressions of the catalog. */
export type { AssetFacts, Expression, ExpressionScope, LookUpUse, OptionUse } from './expression';
