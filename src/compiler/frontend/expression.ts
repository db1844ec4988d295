/**
 * Functions of one variable as trees: what the activation table computes. Activations that exporters write as several nodes (x · sigmoid(x), Gelu by
 * its definition) become one tree, hence one table. Specification: docs/numbers.md section 6.
 */

/** Named functions without parameters. */
export type FunctionName = 'Sigmoid' | 'Tanh' | 'Exp' | 'Erf' | 'Softplus' | 'Softsign' | 'Sqrt' | 'Log' | 'Reciprocal' | 'Sin' | 'Cos';

/** `x` is the variable; everything else is applied to `of`, or to `a` and `b`. */
export type Expression =
  | { readonly op: 'x' }
  | { readonly op: FunctionName; readonly of: Expression }
  | { readonly op: 'line'; readonly scale: number; readonly bias: number; readonly of: Expression }
  | { readonly op: 'clamp'; readonly low: number; readonly high: number; readonly of: Expression }
  | { readonly op: 'LeakyRelu'; readonly alpha: number; readonly of: Expression }
  /** v for v ≥ 0, alpha · (e^v − 1) below. */
  | { readonly op: 'Elu'; readonly alpha: number; readonly of: Expression }
  | { readonly op: 'Pow'; readonly exponent: number; readonly of: Expression }
  | { readonly op: 'add' | 'mul' | 'maximum'; readonly a: Expression; readonly b: Expression };

export const X: Expression = { op: 'x' };

export function line(of: Expression, scale: number, bias: number): Expression {
  return { op: 'line', scale, bias, of };
}

/** Value at x in float64; NaN and infinities where the function has none. */
export function evaluateExpression(expression: Expression, x: number): number {
  switch (expression.op) {
    case 'x':
      return x;
    case 'line':
      return expression.scale * evaluateExpression(expression.of, x) + expression.bias;
    case 'clamp':
      return Math.min(expression.high, Math.max(expression.low, evaluateExpression(expression.of, x)));
    case 'LeakyRelu': {
      const v = evaluateExpression(expression.of, x);
      return v < 0 ? v * expression.alpha : v;
    }
    case 'Elu': {
      const v = evaluateExpression(expression.of, x);
      return v < 0 ? expression.alpha * Math.expm1(v) : v;
    }
    case 'Pow':
      return evaluateExpression(expression.of, x) ** expression.exponent;
    case 'add':
      return evaluateExpression(expression.a, x) + evaluateExpression(expression.b, x);
    case 'mul':
      return evaluateExpression(expression.a, x) * evaluateExpression(expression.b, x);
    case 'maximum':
      return Math.max(evaluateExpression(expression.a, x), evaluateExpression(expression.b, x));
    default:
      return FUNCTIONS[expression.op](evaluateExpression(expression.of, x));
  }
}

const FUNCTIONS: Readonly<Record<FunctionName, (v: number) => number>> = {
  Sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  Tanh: Math.tanh,
  Exp: Math.exp,
  Erf: erf,
  Softplus: (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  Softsign: (v) => v / (1 + Math.abs(v)),
  Sqrt: Math.sqrt,
  Log: Math.log,
  Reciprocal: (v) => 1 / v,
  Sin: Math.sin,
  Cos: Math.cos,
};

/** The error function by its series near zero and its continued fraction beyond: to the last places of float64. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}

/** The expression with `inner` in place of the variable. */
export function substitute(expression: Expression, inner: Expression): Expression {
  if (expression.op === 'x') return inner;
  if ('a' in expression) return { ...expression, a: substitute(expression.a, inner), b: substitute(expression.b, inner) };
  return { ...expression, of: substitute(expression.of, inner) };
}

/** For people: "Sigmoid", "LeakyRelu(0.1)", "x·Sigmoid". */
export function describeExpression(expression: Expression): string {
  const call = (name: string, of: Expression, ...parameters: number[]): string => {
    const list = [...(of.op === 'x' ? [] : [describeExpression(of)]), ...parameters.map(round)];
    return list.length > 0 ? `${name}(${list.join(', ')})` : name;
  };
  switch (expression.op) {
    case 'x':
      return 'x';
    case 'line': {
      const factor = expression.scale === 1 ? '' : `${round(expression.scale)}·`;
      const bias = expression.bias === 0 ? '' : expression.bias > 0 ? ` + ${round(expression.bias)}` : ` − ${round(-expression.bias)}`;
      const of = describeExpression(expression.of);
      return bias === '' ? `${factor}${of}` : `(${factor}${of}${bias})`;
    }
    case 'clamp':
      return call('Clip', expression.of, expression.low, expression.high);
    case 'LeakyRelu':
    case 'Elu':
      return call(expression.op, expression.of, expression.alpha);
    case 'Pow':
      return call('Pow', expression.of, expression.exponent);
    case 'add':
      return `(${describeExpression(expression.a)} + ${describeExpression(expression.b)})`;
    case 'mul':
      return `${describeExpression(expression.a)}·${describeExpression(expression.b)}`;
    case 'maximum':
      return `max(${describeExpression(expression.a)}, ${describeExpression(expression.b)})`;
    default:
      return call(expression.op, expression.of);
  }
}

function round(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : value > 0 ? '∞' : '−∞';
}
