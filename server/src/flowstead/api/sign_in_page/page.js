// Redeems the code of a one-time link, or shows who is signed in already.

const said = document.getElementById("said");
const next = document.getElementById("next");
const leave = document.getElementById("leave");

function show(text, hint = "") {
  said.textContent = text;
  next.textContent = hint;
}

function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  // Out of the address bar and the history before anything else: what was used once is of no use there.
  history.replaceState(null, "", location.pathname);
  return code;
}

// The cookie goes to every port of this host; what lies here, to pages of this origin alone. Both are needed.
const PROOF = "flowstead.csrfToken";

async function send(method, path, body) {
  const options = { method, headers: { "X-CSRF-Token": localStorage.getItem(PROOF) ?? "" }, cache: "no-store" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return fetch(path, options);
}

async function showFailure(answer) {
  const found = await answer.json().catch(() => null);
  const [text, ...hints] = (found?.error?.message ?? `The server answered ${answer.status}.`).split("\n");
  show(text, hints.join(" "));
}

async function welcome(answer) {
  const found = await answer.json();
  const ends = new Date(found.session.endsAt).toLocaleString();
  show(`You are signed in as ${found.principal.name}.`, `This browser's session ends by itself, ${ends} at the latest.`);
  if (found.csrfToken) {
    localStorage.setItem(PROOF, found.csrfToken);
  }
  leave.hidden = false;
}

async function signOut() {
  const answer = await send("POST", "/signout");
  if (!answer.ok) {
    await showFailure(answer);
    return;
  }
  localStorage.removeItem(PROOF);
  leave.hidden = true;
  show("You are signed out.", "To sign in again: flowstead signin-link");
}

async function begin() {
  const code = takeCode();
  const answer = code ? await send("POST", "/signin", { code }) : await send("GET", "/session");
  if (answer.ok) {
    await welcome(answer);
  } else if (!code && (answer.status === 401 || answer.status === 403)) {
    show("You are not signed in.", "On the command line, flowstead signin-link makes a link that signs you in.");
  } else {
    await showFailure(answer);
  }
}

async function attempt(step) {
  try {
    await step();
  } catch {
    show("The server does not answer.", "Look at flowstead status, then open the link again.");
  }
}

// A second link that is opened in this tab changes the fragment alone.
addEventListener("hashchange", () => attempt(begin));
leave.addEventListener("click", () => attempt(signOut));
attempt(begin);
