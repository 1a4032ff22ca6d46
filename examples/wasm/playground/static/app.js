// The page: forms that become requests, the record of what went, and the mailbox.
// Everything is put in as text, since names and answers may hold anything.
"use strict";

const status = document.getElementById("status");
const exchanges = document.getElementById("exchanges");
const mails = document.getElementById("mails");
const accessToken = document.getElementById("access-token");
const refreshToken = document.getElementById("refresh-token");
const deviceToken = document.getElementById("device-token");

function element(name, text, properties) {
  const e = document.createElement(name);
  if (text) e.textContent = text;
  return Object.assign(e, properties);
}

// message writes a request or a response as it would look on the wire.
function message(first, headers, body) {
  let text = first;
  for (const [name, value] of headers) text += `\n${name}: ${value}`;
  if (body) text += `\n\n${body}`;
  return element("pre", text, { tabIndex: 0 }); // it scrolls, by keyboard too
}

let count = 0;

// call sends one request and records it. It returns the response's JSON, or null.
async function call(method, path, headers, body) {
  const item = element("li");
  item.dataset.n = ++count;
  const details = element("details", "", { open: true });
  const summary = element("summary", `${method} ${path} …`);
  details.append(summary, message(`${method} ${path}`, Object.entries(headers), body));
  item.append(details);
  for (const older of exchanges.querySelectorAll("details[open]")) older.open = false;
  exchanges.prepend(item);

  let outcome, shown, json = null;
  try {
    const response = await fetch(path, { method, headers, body });
    const text = await response.text();
    outcome = response.status;
    shown = message(`${response.status} ${response.statusText}`, response.headers, text);
    if (text) json = JSON.parse(text);
  } catch (error) {
    outcome = "failed";
    shown = element("pre", String(error));
  }
  details.append(shown);
  summary.textContent = `${method} ${path} → ${outcome}`;
  status.textContent = `${method} ${path}: ${outcome}`;
  item.dataset.status = outcome; // last: whoever waits for it finds the rest done
  return json;
}

// sign has the browser make a passkey ("create") or use one ("get"), and returns what the
// second request takes.
async function sign(how, options) {
  const parse = how === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  const credential = await navigator.credentials[how]({ publicKey: PublicKeyCredential[parse](options) });
  return { state: options.state, credential };
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { method, path, bearer, passkey, options } = event.submitter.dataset;
  const fields = Object.fromEntries(new FormData(event.target));
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${accessToken.value}` };
  const hasBody = method === "POST" || method === "PATCH";
  if (hasBody) headers["content-type"] = "application/json";
  if (passkey) {
    const answer = await call("POST", options, headers, JSON.stringify(fields));
    if (!answer?.challenge) return;
    try {
      Object.assign(fields, await sign(passkey, answer));
    } catch (error) {
      status.textContent = `The browser gave no passkey: ${error.message}`;
      return;
    }
  }
  const target = path.replace("{id}", encodeURIComponent(fields.id));
  const answer = await call(method, target, headers, hasBody ? JSON.stringify(fields) : undefined);
  if (!answer) return;
  if (answer.access_token) accessToken.value = answer.access_token;
  if (answer.refresh_token) refreshToken.value = answer.refresh_token;
  if (answer.device_token) deviceToken.value = answer.device_token;
  if (answer.state) document.getElementById("mfa-state").value = answer.state;
  if (answer.mfa_token) for (const field of document.querySelectorAll("[name=mfa_token]")) field.value = answer.mfa_token;
});

const subjects = {
  verification: "Confirm your address",
  password_reset: "Choose a new password",
  password_changed: "Your password was changed",
  email_change: "Confirm your new address",
  email_change_requested: "Your address is about to change",
  email_changed: "Your address was changed",
  account_exists: "You already have an account",
  factor_enrolled: "A second factor was set up",
  factor_removed: "A second factor was removed",
  recovery_codes_made: "You have new recovery codes",
  passkey_added: "A passkey was added",
  passkey_removed: "A passkey was removed",
};
const tokenFields = {
  verification: document.getElementById("verify-token"),
  password_reset: document.getElementById("reset-token"),
  email_change: document.getElementById("change-token"),
};

window.playground.mail = (mail) => {
  const item = element("li");
  item.dataset.kind = mail.kind;
  item.append(element("h3", subjects[mail.kind] || mail.kind), element("p", `To ${mail.to}`));
  if (mail.token) {
    const field = tokenFields[mail.kind];
    const use = element("button", "Use its token", { type: "button" });
    use.addEventListener("click", () => {
      field.value = mail.token;
      field.focus();
    });
    item.append(element("p", `Valid until ${mail.validUntil}`), element("pre", mail.link, { tabIndex: 0 }), use);
  }
  mails.prepend(item);
  document.getElementById("no-mails").hidden = true;
};

window.playground.program.then(() => {
  document.getElementById("controls").disabled = false;
  status.textContent = "Ready. Everything happens in this page.";
});
window.playground.stopped.catch((error) => {
  document.getElementById("controls").disabled = true;
  status.textContent = `It does not run: ${error.message}`;
});
