// All that this page asks of the service. Page and API share an origin.

const TIMEOUT_MS = 40_000; // API Gateway gives up after 29 seconds

/** The service said no: `code` is its own word for why, `errors` names fields. */
export class Refused extends Error {
  constructor(status, { code = "", errors = {} }, retryAfterSeconds) {
    super(`${status} ${code}`);
    Object.assign(this, { status, code, errors, retryAfterSeconds });
  }
}

/** No answer, or none that makes sense. What was asked for may have been done. */
export class NoAnswer extends Error {}

/** What a download holds. Spends nothing. */
export const look = (key) => ask("GET", key);

/** Spend one use, or with a `session` of an earlier answer nothing: URLs that live for minutes. */
export const perform = (key, wanted) => ask("POST", key, wanted);

async function ask(method, key, wanted) {
  let answer, content;
  try {
    answer = await fetch(`/api/public/downloads/${key}`, {
      method,
      body: wanted && JSON.stringify(wanted),
      headers: wanted && { "Content-Type": "application/json" },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    content = await answer.json();
  } catch (error) {
    throw new NoAnswer(error.name);
  }
  if (answer.ok && content.data) return content.data;
  if (answer.ok || answer.status >= 500) throw new NoAnswer(String(answer.status));
  throw new Refused(answer.status, content, Number(answer.headers.get("Retry-After")) || 0);
}
