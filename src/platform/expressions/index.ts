/** The door to the expressions of the catalog. */
export { type CompiledExpression, type CompileOptions, compileExpression } from './compile';
export { dataUrl, dataUrlGzip, gzip } from './data-url';
export { CONTEXT_VARIABLES } from './environment';
export type { AssetFacts, Expression, LookUpUse, OptionUse } from './expression';
export { ExpressionError, type ExpressionFailure, ExpressionSyntaxError } from './expression-error';
export { ExpressionScope, type ScopeFacts } from './expression-scope';
export { compileTemplate, type TellProblem, type Template } from './template';
