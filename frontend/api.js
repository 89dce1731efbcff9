const MILLISECONDS = 40_000;

export const getModel = () => ask("model");

export const predict = (data) =>
  ask("predict", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data }),
  });

/* The answer's JSON; throws a problem {code, error, fields}, code "network" when nobody answers. */
async function ask(path, options = {}) {
  let response, body;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(MILLISECONDS) });
    body = await response.json();
  } catch {
    // A proxy in front answers in HTML when it finds nobody behind it.
    throw { code: "network", fields: {} };
  }
  if (!response.ok) throw { code: body.code, error: body.error, fields: body.fields ?? {} };
  return body;
}
