import { TEXTS } from "./texts.js";

export const LANGUAGES = Object.entries(TEXTS).map(([tag, { language }]) => ({ tag, name: language }));

/* The chosen language, else the first of the browser's that the page speaks. */
export function preferred() {
  for (const tag of [stored(), ...navigator.languages].filter(Boolean)) {
    const known = LANGUAGES.find((language) => base(language.tag) === base(tag));
    if (known) return known.tag;
  }
  return "en";
}

const base = (tag) => tag.split("-")[0];

function stored() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

export function remember(tag) {
  try {
    localStorage.setItem("language", tag);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/* How a language says things: its texts, with values filled in, and its numbers. */
export class Voice {
  constructor(tag) {
    this.tag = tag;
    this.texts = TEXTS[tag];
  }

  say(text, values = {}) {
    const said = text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
    // A unit may be empty.
    return said.replace(/ +(?=$|[.,:])/g, "");
  }

  /* As one would type it. */
  plain(value) {
    return this.number(value, { maximumFractionDigits: 20, useGrouping: false });
  }

  number(value, options = { maximumFractionDigits: 6 }) {
    return new Intl.NumberFormat(this.tag, options).format(value);
  }
}
