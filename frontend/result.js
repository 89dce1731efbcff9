import { button, element, make } from "./elements.js";

const PICTURES = new Set(["Setosa", "Versicolor", "Virginica"]);

/* The prediction, or why there is none with a way to try again. */
export function drawResult({ model, prediction, problem, busy, voice }, retry) {
  if (problem) element("result").replaceChildren(drawProblem(problem, model, retry, voice));
  else if (prediction) element("result").replaceChildren(drawPrediction(prediction, voice));
  else if (busy && !model) element("result").replaceChildren(make("p", { class: "notice" }, voice.texts.loading));
  else element("result").replaceChildren();
}

function drawProblem({ code, error }, model, retry, voice) {
  const { problems, kept } = voice.texts;
  const words = problems[code] ?? voice.say(problems[""], { reason: error });
  return make("div", { class: "notice" },
    make("p", {}, model ? `${words} ${kept}` : words),
    button({}, voice.texts.retry, retry),
  );
}

function drawPrediction({ prediction, probabilities }, voice) {
  const name = typeof prediction === "number" ? voice.number(prediction) : String(prediction);
  const shares = Object.entries(probabilities ?? {}).sort(([, one], [, other]) => other - one);
  const parts = [make("h2", {}, make("small", {}, voice.texts.answer), " ", name)];
  if (PICTURES.has(name))
    parts.unshift(make("img", { src: `pictures/${name.toLowerCase()}.svg`, alt: "", width: 112, height: 112 }));
  if (shares.length > 0)
    parts.push(make("ul", { "aria-label": voice.texts.probabilities }, ...shares.map((share) => drawShare(share, voice))));
  return make("div", { class: "answer" }, ...parts);
}

function drawShare([name, share], voice) {
  const bar = make("span", { class: "bar", "aria-hidden": true });
  bar.style.setProperty("--share", share);
  return make("li", {}, make("span", {}, name), " ", make("span", { class: "percent" }, percent(share, voice)), bar);
}

/* What rounds to nothing is still possible. */
function percent(share, voice) {
  const tiny = share > 0 && share < 0.0005;
  const text = voice.number(tiny ? 0.001 : share, { style: "percent", maximumFractionDigits: 1 });
  return tiny ? `< ${text}` : text;
}
