// What this tab knows: the download key, and once it was performed, the session that renews its URLs.
//
// The key leaves the address bar for sessionStorage at once: no screenshot, bookmark or copied address holds it. There
// it outlives a reload and ends with the tab; other tabs, other sites and the server never see it. Where a browser
// stores nothing, it stays in the fragment, so that a reload works all the same.

const NAME = "sealdrop";
const KEY = /^[0-9A-Za-z]{43}$/;

/** `{key, taken}`; the key is null where the link holds none, `taken` what `keep` was given. */
export function readTab() {
  const given = location.hash.slice(1);
  const kept = stored();
  if (!given) return kept;
  const tab = given === kept.key ? kept : { key: KEY.test(given) ? given : null };
  if (keep(tab)) history.replaceState(null, "", location.pathname);
  return tab;
}

/** Remember it until the tab is closed. Answers whether that worked. */
export function keep(tab) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(tab));
    return true;
  } catch {
    return false;
  }
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) ?? { key: null };
  } catch {
    return { key: null };
  }
}
