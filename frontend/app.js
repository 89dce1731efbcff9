import { getModel, predict } from "./api.js";
import { hasRange, read, typical } from "./columns.js";
import { button, element } from "./elements.js";
import { drawErrors, drawFields } from "./fields.js";
import { LANGUAGES, Voice, preferred, remember } from "./language.js";
import { drawResult } from "./result.js";

const state = {
  voice: new Voice(preferred()),
  model: null,
  texts: {}, // what was typed, by column
  errors: {}, // what is wrong with it: {error: name of a text, reason}
  prediction: null,
  problem: null,
  busy: false,
};

/* From the state to the screen. Fields are built anew only for another model or language. */
function draw({ rebuild = false } = {}) {
  const { voice, model, prediction, busy } = state;
  const words = voice.texts.models[model?.name] ?? voice.texts.models[""];
  document.documentElement.lang = voice.tag;
  document.title = words.title;
  element("title").textContent = words.title;
  element("lead").textContent = model ? voice.say(words.lead, { model: model.name }) : "";
  element("form").hidden = !model;
  if (model) {
    if (rebuild) drawFields(state);
    drawErrors(state);
    element("predict").textContent = busy ? voice.texts.predicting : voice.texts.predict;
    element("predict").setAttribute("aria-disabled", busy);
    element("typical").textContent = voice.texts.typical;
    element("typical").hidden = !model.inputs.some(hasRange);
    const version = prediction?.model_version ?? model.version;
    element("footer").textContent = voice.say(voice.texts.version, { model: model.name, version });
  }
  drawResult(state, model ? submit : load);
}

function drawLanguages() {
  element("languages").setAttribute("aria-label", state.voice.texts.languages);
  for (const [index, { tag, name }] of LANGUAGES.entries()) {
    const shown = element("languages").children[index];
    const pressed = tag === state.voice.tag;
    if (shown) shown.setAttribute("aria-pressed", pressed);
    else element("languages").append(button({ lang: tag, "aria-pressed": pressed }, name, () => choose(tag)));
  }
}

function choose(tag) {
  state.voice = new Voice(tag);
  remember(tag);
  drawLanguages();
  draw({ rebuild: true });
}

async function load() {
  Object.assign(state, { busy: true, problem: null });
  draw();
  try {
    state.model = await getModel();
  } catch (problem) {
    state.problem = problem;
  }
  state.busy = false;
  draw({ rebuild: true });
}

async function submit() {
  if (state.busy) return;
  const data = readAll();
  Object.assign(state, { prediction: null, problem: null, busy: !hasErrors() });
  draw();
  if (hasErrors()) {
    element("summary").focus();
    return;
  }
  try {
    state.prediction = await predict(data);
  } catch (problem) {
    refuse(problem);
  }
  state.busy = false;
  draw();
  if (hasErrors()) element("summary").focus();
  else element("result").scrollIntoView({ block: "nearest" });
  if (state.prediction && state.prediction.model_version !== state.model.version) await renew();
}

const hasErrors = () => Object.keys(state.errors).length > 0;

function readAll() {
  const data = {};
  state.errors = {};
  for (const column of state.model.inputs) {
    const { value, error } = read(column, state.texts[column.name].trim());
    if (error) state.errors[column.name] = { error };
    else data[column.name] = value;
  }
  return data;
}

function refuse(problem) {
  const named = state.model.inputs.filter(({ name }) => problem.fields[name]);
  for (const { name } of named) state.errors[name] = { error: "refused", reason: problem.fields[name] };
  if (named.length === 0) state.problem = problem;
}

/* Another version was promoted since the page was opened; its columns may be others. */
async function renew() {
  try {
    state.model = await getModel();
    draw({ rebuild: true });
  } catch {
    // The answer on the screen is still right.
  }
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

element("typical").addEventListener("click", () => {
  for (const column of state.model.inputs.filter(hasRange)) state.texts[column.name] = state.voice.plain(typical(column));
  state.errors = {};
  draw({ rebuild: true });
  element("predict").focus();
});

drawLanguages();
load();
