// The receiving page: which state it is in, and what each one shows. Its texts are in index.html.

import { look, NoAnswer, perform, Refused } from "./api.js";
import { bodyOf } from "./body.js";
import { keep, readTab } from "./tab.js";
import { momentOf, moreUses, sizeOf, timeIn } from "./words.js";

const MODES = ["server"]; // what a browser can open as it comes. A download that holds more is not spent from here
const FRESH_MS = 4 * 60_000; // URLs live for five minutes
const SECTION_OF_STATUS = { 404: "unknown", 410: "gone" };

const at = (id) => document.getElementById(id);
let tab; // {key, taken: {session, sender, mail}} of this tab
let urlsSince = 0;

async function start() {
  tab = readTab();
  say("");
  if (!tab.key) return turnTo("incomplete");
  turnTo("loading");
  await attempt(async () => {
    if (!tab.taken || !(await resumed())) offer(await look(tab.key));
  }, start);
}

/** Show the files of an earlier visit, before a reload. False when the session has ended. */
async function resumed() {
  try {
    showTaken(await perform(tab.key, { session: tab.taken.session }));
    return true;
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 429) throw error;
    tab = { key: tab.key };
    keep(tab);
    return false;
  }
}

function offer(parcel) {
  const isSealed = (parcel.files ?? []).some((file) => !MODES.includes(file.encryption_mode));
  showParcel(parcel);
  at("facts").textContent = `This link is good until ${momentOf(parcel.expires_at)}.`;
  at("before").textContent =
    parcel.uses_left === 1
      ? "This link works once. Downloading uses it up; then this tab can fetch the files for up to six hours."
      : `This link works ${moreUses(parcel.uses_left)}. Downloading takes one of these uses.`;
  at("pin-row").hidden = !parcel.pin_required;
  at("pin").required = parcel.pin_required;
  at("pin").value = "";
  showPinProblem("");
  at("take").hidden = isSealed;
  at("take").onsubmit = (event) => {
    event.preventDefault();
    take(parcel);
  };
  if (isSealed) showCommand();
  turnTo("parcel");
}

async function take(parcel) {
  const button = at("take-button");
  button.disabled = true;
  showPinProblem("");
  say("Asking for the files…");
  const wanted = { modes: MODES, ...(parcel.pin_required ? { pin: at("pin").value } : {}) };
  try {
    await attempt(async () => {
      const performed = await perform(tab.key, wanted);
      tab.taken = { session: performed.session, sender: parcel.sender, mail: performed.mail };
      keep(tab);
      at("pin").value = "";
      showTaken(performed);
    }, start);
  } finally {
    button.disabled = false;
    say("");
  }
}

function showTaken(performed) {
  urlsSince = Date.now();
  showParcel({ ...tab.taken, files: performed.files });
  at("take").hidden = true;
  at("taken").hidden = false;
  at("taken").textContent =
    `Choose a file to save it. Until ${momentOf(performed.session_expires_at)} this tab can fetch them again, ` +
    "also after a reload. Once it is closed it cannot.";
  at("facts").textContent = performed.uses_left
    ? `The link itself works ${moreUses(performed.uses_left)}.`
    : "The link itself is used up.";
  turnTo("parcel");
}

/** What is told of the files before and after they were downloaded. */
function showParcel({ sender, mail, files }) {
  for (const id of ["sealed", "taken"]) at(id).hidden = true;
  at("title").textContent = mail?.subject ?? "Files for you";
  at("sender-name").textContent = sender.name;
  at("sender-email").textContent = sender.email;
  at("body").replaceChildren(bodyOf(mail?.body ?? ""));
  at("body").hidden = !at("body").textContent.trim();
  at("files-title").hidden = at("files").hidden = !files;
  at("files").replaceChildren(...(files ?? []).map(row));
}

function row(file) {
  const [item, name, size] = ["li", "bdi", "span"].map((tag) => document.createElement(tag));
  name.textContent = file.full_filename;
  size.textContent = sizeOf(file.size);
  item.append(file.url ? saving(file, name) : name, " ", size);
  return item;
}

/** A link that saves the file: S3 answers it as an attachment. One that grew old is renewed first. */
function saving(file, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: file.url, rel: "noreferrer" });
  link.dataset.file = file.id;
  link.append(name);
  link.addEventListener("click", (event) => {
    if (Date.now() - urlsSince < FRESH_MS) return say(`Your browser is saving ${file.full_filename}.`);
    event.preventDefault();
    renewAndSave(file);
  });
  return link;
}

async function renewAndSave(file) {
  await attempt(async () => {
    if (!(await resumed())) return turnTo("gone");
    const link = [...at("files").querySelectorAll("a")].find((one) => one.dataset.file === file.id);
    if (link) link.click();
    else say(`${file.full_filename} cannot be had any more.`);
  }, start);
}

/** For files that this page cannot open: the command that can. */
function showCommand() {
  at("command").textContent = `sealdrop get '${location.origin}${location.pathname.replace(/\/$/, "")}#${tab.key}'`;
  at("take").hidden = true;
  at("sealed").hidden = false;
}

at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("command").textContent);
    say("Copied.");
  } catch {
    getSelection().selectAllChildren(at("command"));
    say("Your browser does not let this page copy. The command is selected: copy it from there.");
  }
});

/** Do it; what goes wrong is told, and `again` is what trying again does. */
async function attempt(act, again) {
  try {
    await act();
  } catch (error) {
    if (error instanceof NoAnswer) {
      return trouble("No answer came. Look whether you are online. If you were downloading, the link may be used.", again);
    }
    if (!(error instanceof Refused)) throw error;
    refused(error, again);
  }
}

function refused(error, again) {
  const section = SECTION_OF_STATUS[error.status];
  if (section) turnTo(section);
  else if (error.errors.modes) foundSealed();
  else if (error.errors.pin) showPinProblem("That is not the PIN. After five wrong ones it is locked for a while.");
  else if (error.code === "pin_locked") {
    showPinProblem(`Too many wrong PINs: no other is looked at before ${timeIn(error.retryAfterSeconds)}.`);
  } else if (error.status === 429) {
    trouble(`Too many requests come from your network. Try again at ${timeIn(error.retryAfterSeconds)}.`, again);
  } else trouble(`The service refused this request (${error.message}).`, again);
}

/** Behind a PIN, only the service can say that files are sealed, and does so when the PIN is right. */
function foundSealed() {
  showCommand();
  at("sealed").querySelector("h2").focus();
}

function showPinProblem(text) {
  const field = at("pin");
  at("pin-problem").textContent = text;
  field.setAttribute("aria-invalid", String(text !== ""));
  if (text) field.select();
}

function trouble(text, again) {
  at("trouble-text").textContent = text;
  at("again").onclick = again;
  turnTo("trouble");
}

/** Show one section and tell whoever cannot see it: the focus goes to its heading. */
function turnTo(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  const heading = at(id).querySelector("h1");
  document.title = `${heading.textContent} · Sealdrop`;
  heading.focus();
}

function say(text) {
  at("said").textContent = text;
}

addEventListener("hashchange", start); // another link was put into the address bar
start();
