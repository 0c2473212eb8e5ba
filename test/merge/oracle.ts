/** A three-way merge of plain JSON values: the rules written down again, for plain objects, to hold the real one against. */
export interface OracleResult {
  value: unknown;
  conflicts: string[];
}

type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

const GONE = Symbol("gone");
type Maybe = Plain | typeof GONE;

const same = (a: Maybe, b: Maybe): boolean =>
  a === GONE || b === GONE ? a === b : JSON.stringify(a) === JSON.stringify(b);
const isObject = (v: Maybe): v is { [key: string]: Plain } =>
  typeof v === "object" && v !== null && !Array.isArray(v);

export function oracle(base: unknown, ours: unknown, theirs: unknown): OracleResult {
  const conflicts: string[] = [];
  const merged = three(base as Plain, ours as Plain, theirs as Plain, "");
  return { value: merged === GONE ? undefined : merged, conflicts };

  function three(o: Maybe, a: Maybe, b: Maybe, at: string): Maybe {
    if (same(a, b) || same(o, b)) return a;
    if (same(o, a)) return b;
    if (isObject(a) && isObject(b)) return object(isObject(o) ? o : {}, a, b, at);
    if (Array.isArray(o) && Array.isArray(a) && Array.isArray(b)) return array(o, a, b, at);
    conflicts.push(at);
    return a;
  }

  function object(
    o: { [key: string]: Plain },
    a: { [key: string]: Plain },
    b: { [key: string]: Plain },
    at: string,
  ): Plain {
    const keys = Object.keys(a);
    let last = -1;
    for (const key of Object.keys(b)) {
      if (keys.includes(key)) last = keys.indexOf(key);
      else keys.splice(++last, 0, key);
    }
    const out: [string, Plain][] = [];
    const has = (v: { [key: string]: Plain }, key: string): Maybe =>
      Object.hasOwn(v, key) ? (v[key] as Plain) : GONE;
    for (const key of keys) {
      const value = three(has(o, key), has(a, key), has(b, key), `${at}/${key}`);
      if (value !== GONE) out.push([key, value]);
    }
    return Object.fromEntries(out);
  }

  function array(o: Plain[], a: Plain[], b: Plain[], at: string): Plain {
    const names = [o, a, b].map((list) => list.map(naming));
    const isNamed = names.every(
      (list) => !list.includes(undefined) && new Set(list).size === list.length,
    );
    if (isNamed) {
      const asObject = (list: Plain[]) => Object.fromEntries(list.map((v) => [`_${naming(v)}`, v]));
      return Object.values(object(asObject(o), asObject(a), asObject(b), at) as object) as Plain[];
    }
    const [toA, toB] = [align(o, a), align(o, b)];
    const out: Plain[] = [];
    let [i, j, k] = [0, 0, 0];
    while (i <= o.length) {
      let end = i;
      while (end < o.length && (toA[end] === -1 || toB[end] === -1)) end++;
      const endA = end < o.length ? (toA[end] as number) : a.length;
      const endB = end < o.length ? (toB[end] as number) : b.length;
      const [po, pa, pb] = [o.slice(i, end), a.slice(j, endA), b.slice(k, endB)];
      if (same(pa, pb) || same(po, pb)) out.push(...pa);
      else if (same(po, pa)) out.push(...pb);
      else if (po.length === 0) out.push(...pa, ...pb);
      else {
        conflicts.push(`${at}/${out.length}`);
        out.push(...pa);
      }
      if (end < o.length) out.push(a[endA] as Plain);
      [i, j, k] = [end + 1, endA + 1, endB + 1];
    }
    return out;
  }
}

function naming(v: Plain): string | undefined {
  if (!isObject(v)) return undefined;
  for (const key of ["name", "id", "key"])
    if (typeof v[key] === "string") return `${key}=${v[key]}`;
  return undefined;
}

/** For each element of `x` its partner in `y` in a longest common subsequence, or -1. */
function align(x: Plain[], y: Plain[]): number[] {
  const memo = new Map<string, number>();
  const length = (i: number, j: number): number => {
    if (i === x.length || j === y.length) return 0;
    const known = memo.get(`${i},${j}`);
    if (known !== undefined) return known;
    const n = same(x[i] as Plain, y[j] as Plain)
      ? 1 + length(i + 1, j + 1)
      : Math.max(length(i + 1, j), length(i, j + 1));
    memo.set(`${i},${j}`, n);
    return n;
  };
  const out = x.map(() => -1);
  let [i, j] = [0, 0];
  while (i < x.length && j < y.length) {
    if (same(x[i] as Plain, y[j] as Plain)) out[i++] = j++;
    else if (length(i + 1, j) >= length(i, j + 1)) i++;
    else j++;
  }
  return out;
}
