// Passkeys need a script: it asks the browser for one, puts the answer into the hidden fields of a
// form, and sends the form like every other one. A form that needs it is hidden without it.
//
//   data-passkey        "get" signs in, "create" adds a passkey
//   data-options        what the browser is asked, as JSON; or
//   data-options-from   the address that says it, for pages that stay open for long
//   data-autofill       also offers passkeys in the autofill of autocomplete="username webauthn"
"use strict";

// Options are good for five minutes.
const renewAfter = 4 * 60 * 1000;

async function optionsOf(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const answer = await fetch(form.dataset.optionsFrom, {method: "POST"});
  if (!answer.ok) throw new Error("no options");
  return answer.json();
}

// ask asks the browser, and sends the form with its answer.
async function ask(form, more) {
  const options = await optionsOf(form);
  let credential;
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    credential = await navigator.credentials.create({publicKey, ...more});
  } else {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    credential = await navigator.credentials.get({publicKey, ...more});
  }
  form.elements.state.value = options.state;
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

// Only one question may be open at a time: that of the autofill ends when a button is pressed.
let autofill = new AbortController();

async function offerAutofill(form) {
  const begun = autofill = new AbortController();
  const renew = setTimeout(() => { begun.abort(); offerAutofill(form); }, renewAfter);
  try {
    await ask(form, {mediation: "conditional", signal: begun.signal});
  } catch {
    // Nobody has asked for it by hand, so nobody need be told.
  }
  if (begun !== autofill) clearTimeout(renew);
}

function prepare(form) {
  const problem = form.querySelector("[data-passkey-problem]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    autofill.abort();
    autofill = new AbortController();
    problem.hidden = true;
    try {
      await ask(form, {signal: autofill.signal});
    } catch {
      problem.hidden = false;
      if ("autofill" in form.dataset) offerAutofill(form);
    }
  });
}

const forms = document.querySelectorAll("form[data-passkey]");
if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  forms.forEach(prepare);
  const form = document.querySelector("form[data-autofill]");
  if (form && PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then((can) => { if (can) offerAutofill(form); });
  }
} else {
  document.querySelectorAll("[data-passkey-missing]").forEach((text) => { text.hidden = false; });
}
