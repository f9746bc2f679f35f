"use strict";
// Everything works without this file; it only saves clicks.

// On a narrow screen the menu is wider than the screen: the page that is open is brought into view. Only the menu is moved: scrolling to an
// element as such would also let the Tab key go on from there, past what stands before it.
const opened = document.querySelector(".menu [aria-current]");
if (opened) {
  const menu = opened.closest(".menu");
  menu.scrollLeft += opened.getBoundingClientRect().left - menu.getBoundingClientRect().left - (menu.clientWidth - opened.clientWidth) / 2;
}

// A chosen filter takes effect at once.
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") form.requestSubmit(); });
}
// Empty filters do not clutter the address.
for (const form of document.querySelectorAll("form[method=get]")) {
  form.addEventListener("submit", () => { for (const field of form.elements) if (field.name && !field.value) field.disabled = true; });
}
window.addEventListener("pageshow", () => { for (const field of document.querySelectorAll("form[method=get] :disabled")) field.disabled = false; });

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
for (const button of document.querySelectorAll("[data-reveal]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.reveal);
    field.type = field.type === "password" ? "text" : "password";
    button.setAttribute("aria-pressed", String(field.type === "text"));
  });
}
// A second press on a form that writes would write twice.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => { for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true"); });
  form.addEventListener("submit", (event) => { if (form.dataset.sent) event.preventDefault(); form.dataset.sent = "1"; });
}
window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });

// What is still under way is looked at again, without moving the reader: only the live part is put in anew.
const live = document.querySelector("[data-refresh]");
if (live) {
  const again = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      const here = document.querySelector("[data-live]");
      if (fresh && here && fresh.innerHTML !== here.innerHTML) here.replaceChildren(...fresh.childNodes);
      if (fresh && !("refresh" in fresh.dataset)) return;
    }
    setTimeout(again, Number(live.dataset.refresh) * 1000);
  };
  setTimeout(again, Number(live.dataset.refresh) * 1000);
}
