// A mail's body in this page. The service has cleaned it (chalicelib/wire/html_body.py); here nobody has to believe that.
//
// It is parsed where nothing runs or loads, and what is on this list is made anew, without attributes. A sandboxed
// frame would do, too, but could neither grow with its text nor open links.

const TAGS = new Set(
  "a b blockquote br code dd div dl dt em h1 h2 h3 h4 hr i li ol p pre s span strong sub sup u ul".split(" "),
);
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const policy = globalThis.trustedTypes?.createPolicy("mail-body", { createHTML: (html) => html });

/** The body as nodes of ours. */
export function bodyOf(html) {
  const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  return copied(parsed.body, document.createDocumentFragment());
}

function copied(from, to) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    else if (TAGS.has(node.localName)) to.append(node.localName === "a" ? link(node) : copied(node, made(node)));
  }
  return to;
}

function made(node) {
  const heading = /^h[1-4]$/.test(node.localName); // the page's own headings say where one is
  const element = document.createElement(heading ? "p" : node.localName);
  if (heading) element.className = "heading";
  return element;
}

/** A link says where it leads, whatever its text says. */
function link(node) {
  const target = addressIn(node);
  if (!SCHEMES.has(target?.protocol)) return copied(node, document.createElement("span"));
  const element = copied(node, document.createElement("a"));
  const place = target.host || target.pathname;
  if (element.textContent.trim() !== place) element.append(` (${place})`);
  return Object.assign(element, { href: target.href, target: "_blank", rel: "noopener noreferrer nofollow" });
}

function addressIn(node) {
  try {
    return new URL(node.getAttribute("href"));
  } catch {
    return null; // a relative one leads nowhere that the sender could mean
  }
}
