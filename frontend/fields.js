import { hasRange, hint, isNumber, isOptional, isOutside, label, stepped, typical } from "./columns.js";
import { element, make } from "./elements.js";

const id = (column, columns) => `column-${columns.indexOf(column)}`;

const control = (column, columns) => element(id(column, columns));

/* Builds a field for each column; what was typed is kept in `texts`, by column. */
export function drawFields({ model, texts, voice }) {
  const focused = document.activeElement?.id;
  element("fields").replaceChildren(
    ...model.inputs.map((column) => field(column, id(column, model.inputs), texts, voice)),
  );
  if (focused?.startsWith("column-")) element(focused)?.focus();
}

function field(column, name, texts, voice) {
  const input = entry(column, name, voice);
  input.value = texts[column.name] ?? "";
  const note = make("p", { id: `${name}-hint`, class: "hint" });
  const keep = () => (texts[column.name] = input.value);
  const showHint = () => {
    note.textContent = hasRange(column) ? hint(column, input.value, voice) : "";
    note.classList.toggle("outside", isOutside(column, input.value));
  };
  input.addEventListener("input", keep);
  input.addEventListener("change", showHint);
  keep();
  showHint();
  return make("div", { class: "field" },
    make("label", { for: name }, label(column, voice)),
    make("div", { class: "control" }, input, column.unit ? make("span", { "aria-hidden": true }, column.unit) : ""),
    note,
    make("p", { id: `${name}-error`, class: "error" }),
  );
}

function entry(column, name, voice) {
  const attributes = {
    id: name,
    name: column.name,
    "aria-describedby": `${name}-hint ${name}-error`,
    "aria-required": !isOptional(column),
    "aria-invalid": false,
    autocomplete: "off",
  };
  if (column.type === "boolean") {
    const options = { "": "", true: voice.texts.yes, false: voice.texts.no };
    return make("select", attributes, ...Object.entries(options).map(([value, text]) => make("option", { value }, text)));
  }
  if (!isNumber(column)) return make("input", attributes);
  // type="number" would silently read "5,1" as 51 where the browser's language writes a point.
  const input = make("input", { ...attributes, inputmode: "decimal" });
  input.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    input.value = voice.plain(stepped(column, input.value, direction));
    for (const type of ["input", "change"]) input.dispatchEvent(new Event(type));
  });
  return input;
}

/* Says what is wrong beside each field, and above them all with a link to each. */
export function drawErrors({ model, errors, voice }) {
  const wrong = [];
  for (const column of model.inputs) {
    const input = control(column, model.inputs);
    const text = errors[column.name] ? words(column, errors[column.name], voice) : "";
    element(`${input.id}-error`).textContent = text;
    input.setAttribute("aria-invalid", Boolean(text));
    input.closest(".field").classList.toggle("wrong", Boolean(text));
    if (text) wrong.push(make("li", {}, link(input, `${label(column, voice)}: ${text}`)));
  }
  element("summary").hidden = wrong.length === 0;
  element("summary").replaceChildren(make("h2", {}, voice.texts.summary), make("ul", {}, ...wrong));
}

const words = (column, { error, reason }, voice) =>
  voice.say(voice.texts[error], { reason, example: voice.number(typical(column)) });

function link(input, text) {
  const made = make("a", { href: `#${input.id}` }, text);
  made.addEventListener("click", (event) => {
    event.preventDefault();
    input.focus();
  });
  return made;
}
