/* A column as GET /model describes it: name, type, required, minimum, maximum, unit. */

const WHOLE = new Set(["integer", "long"]);
const NUMBERS = new Set(["double", "float", ...WHOLE]);

export const isNumber = (column) => NUMBERS.has(column.type);
export const isOptional = (column) => column.required === false;
export const hasRange = (column) => Number.isFinite(column.minimum) && Number.isFinite(column.maximum);

/* A comma or a point: what a reader of the page types must not depend on the browser's own language. */
export function parse(text) {
  const plain = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(text.trim());
  return plain ? Number(text.replace(",", ".")) : NaN;
}

export const isOutside = (column, text) =>
  hasRange(column) && (parse(text) < column.minimum || parse(text) > column.maximum);

/* The middle of the range, to the precision of a step. */
export const typical = (column) =>
  hasRange(column) ? rounded((column.minimum + column.maximum) / 2, column) : 1;

/* The next value in a direction (1 or -1), from the middle of the range when there is none yet. */
export function stepped(column, text, direction) {
  const value = parse(text);
  return Number.isNaN(value) ? typical(column) : rounded(value + direction * step(column), column);
}

const step = (column) => (WHOLE.has(column.type) ? 1 : 0.1);
const rounded = (value, column) => Math.round(value / step(column)) / Math.round(1 / step(column));

export function label(column, voice) {
  const words = column.name.replaceAll(/[_\s]+/g, " ").trim();
  const text = voice.texts.columns[column.name] ?? words.charAt(0).toUpperCase() + words.slice(1);
  return isOptional(column) ? voice.say(voice.texts.optional, { label: text }) : text;
}

export function hint(column, text, voice) {
  return voice.say(isOutside(column, text) ? voice.texts.outside : voice.texts.range, {
    minimum: voice.number(column.minimum),
    maximum: voice.number(column.maximum),
    unit: column.unit,
  });
}

/* The value of a column's text: {value}, or {error} with the name of a text of the page. */
export function read(column, text) {
  if (text === "") return isOptional(column) ? { value: null } : { error: "missing" };
  if (column.type === "boolean") return { value: text === "true" };
  if (!isNumber(column)) return { value: text };
  const value = parse(text);
  if (!Number.isFinite(value)) return { error: "notNumber" };
  return WHOLE.has(column.type) && !Number.isInteger(value) ? { error: "notWhole" } : { value };
}
