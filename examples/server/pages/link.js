// Sends the token of the page's address, and the fields of its form, to the API.
"use strict";

const form = document.querySelector("form");
const button = form.querySelector("button");
const message = document.getElementById("message");
const token = new URLSearchParams(location.search).get("token");

function explain(problem) {
  if (problem.errors) return problem.errors.map((e) => e.message).join(" ");
  switch (problem.code) {
    case "expired_token": return "This link has expired. Ask for a new one.";
    case "revoked_token": return "This link was used already, or replaced by a newer one.";
    case "invalid_token": return "This link is not complete. Copy it from the mail again.";
    default: return problem.detail || "That did not work. Please try again later.";
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  message.textContent = "";
  const body = { token };
  for (const input of form.querySelectorAll("input")) body[input.name] = input.value;
  try {
    const answer = await fetch(form.dataset.post, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify(body),
    });
    form.hidden = answer.ok;
    message.textContent = answer.ok ? form.dataset.done : explain(await answer.json());
  } catch {
    message.textContent = "The server cannot be reached. Please try again later.";
  }
  button.disabled = false;
});

if (!token) {
  form.hidden = true;
  message.textContent = "This link is not complete. Copy it from the mail again.";
}
