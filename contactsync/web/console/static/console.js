/* What pages gain from JavaScript. Everything works without it, if plainer. */
"use strict";

(function () {
  const find = (selector, within) => Array.from((within || document).querySelectorAll(selector));

  /* Times are written by the server in the viewer's zone: it needs to know which. */
  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || document.cookie.split("; ").includes("zone=" + zone)) return;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = "zone=" + zone + "; path=/; max-age=31536000; SameSite=Lax" + secure;
  }

  /* A part that somebody is working in is not taken from under their hands. */
  function inUse(part) {
    const active = document.activeElement;
    const typing = active && active !== document.body && part.contains(active) && active.matches("input, select, textarea, summary");
    return typing || part.querySelector("input[type=checkbox]:checked, details.confirm[open], details.keep[open]") !== null;
  }

  function isTyped(field) {
    if (field.type === "hidden") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
    return field.value !== field.defaultValue;
  }

  function followLiveParts() {
    document.body.addEventListener("htmx:configRequest", (event) => {
      const token = document.querySelector("meta[name=csrf]");
      if (token) event.detail.headers["X-CSRF-Token"] = token.content;
    });
    document.body.addEventListener("htmx:beforeRequest", (event) => {
      const part = event.detail.elt;
      if (part.hasAttribute("data-live") && (document.hidden || inUse(part))) event.preventDefault();
    });
    document.body.addEventListener("htmx:beforeSwap", (event) => {
      const part = event.detail.elt;
      if (part.hasAttribute("data-live") && inUse(part)) event.detail.shouldSwap = false;
    });
    /* Signed out meanwhile: to load the page anew would take what is typed. Sending it leads to the sign-in, and back. */
    document.body.addEventListener("htmx:beforeOnLoad", (event) => {
      const { xhr, requestConfig } = event.detail;
      if (xhr.status === 401 && requestConfig.verb === "get" && find("main input, main textarea, main select", document).some(isTyped)) event.preventDefault();
    });
    const offline = document.getElementById("offline");
    const say = (hidden) => () => { if (offline) offline.hidden = hidden; };
    document.body.addEventListener("htmx:sendError", say(false));
    document.body.addEventListener("htmx:responseError", say(false));
    document.body.addEventListener("htmx:afterOnLoad", say(true));
  }

  /* data-copy="id": copies the text of that element. Hidden where there is no clipboard. */
  function offerCopies(within) {
    if (!navigator.clipboard) return;
    for (const button of find("[data-copy]", within)) {
      button.hidden = false;
      button.onclick = async () => {
        const from = document.getElementById(button.dataset.copy);
        await navigator.clipboard.writeText("value" in from ? from.value : from.textContent);
        const words = button.lastChild.textContent;
        button.lastChild.textContent = "Copied";
        setTimeout(() => { button.lastChild.textContent = words; }, 1600);
      };
    }
  }

  /* data-submits: a select that sends its form by itself; the form's own button is for those without JavaScript. */
  function submitBySelect(within) {
    for (const select of find("select[data-submits]", within)) {
      select.onchange = () => select.form.requestSubmit();
      find("button[data-plain]", select.form).forEach((button) => { button.hidden = true; });
    }
  }

  /* data-all="name": ticks all boxes of that name. data-counts="name": says how many are ticked, shown while any is. */
  function tickTogether(within) {
    for (const box of find("input[data-all]", within)) {
      box.hidden = false;
      const boxes = () => find("input[name=" + box.dataset.all + "]", box.form || document);
      box.onchange = () => { boxes().forEach((each) => { each.checked = box.checked; }); count(); };
      boxes().forEach((each) => { each.addEventListener("change", count); });
    }
    count();
  }

  function count() {
    for (const told of find("[data-counts]")) {
      const ticked = find("input[name=" + told.dataset.counts + "]:checked").length;
      const bar = told.closest(".bulk");
      told.textContent = ticked;
      if (bar) bar.hidden = ticked === 0;
    }
  }

  /* A form is sent once, and its button says so. data-stays: its answer is a file, and the page stays as it is. */
  function sendOnce() {
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.method !== "post" || form.hasAttribute("hx-post") || form.hasAttribute("data-stays")) return;
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      const button = event.submitter;
      if (button) { button.classList.add("busy"); button.setAttribute("aria-busy", "true"); }
    });
    window.addEventListener("pageshow", () => {
      find("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
      find(".busy").forEach((button) => { button.classList.remove("busy"); button.removeAttribute("aria-busy"); });
    });
  }

  /* Open menus close with Escape, or by a click elsewhere. */
  function closeMenus() {
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      find("details.confirm[open], details.menu[open]").forEach((each) => { each.open = false; each.querySelector("summary").focus(); });
    });
    document.addEventListener("click", (event) => {
      find("details.confirm[open]").forEach((each) => { if (!each.contains(event.target)) each.open = false; });
    });
  }

  /* data-key="Escape": that key follows the link. What was typed is not thrown away without asking. */
  function followKeys() {
    const links = find("a[data-key]");
    if (!links.length) return;
    find(".with-script").forEach((words) => { words.hidden = false; });
    document.addEventListener("keydown", (event) => {
      const link = links.find((each) => each.dataset.key === event.key);
      if (!link || event.defaultPrevented || event.isComposing || find("details.confirm[open], details.menu[open]").length) return;
      const typed = find("main input, main textarea").some((field) => field.matches("[type=radio], [type=checkbox]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
      if (typed && !window.confirm("Go on without saving what you typed?")) return;
      event.preventDefault();
      location.href = link.href;
    });
  }

  /* data-filters=".rule": hides those of these parts that do not hold all words typed here. */
  function filterParts(within) {
    for (const input of find("input[data-filters]", within)) {
      input.hidden = false;
      const apply = () => {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const part of find(input.dataset.filters)) {
          const typed = find("input:not([type=hidden])", part).map((each) => each.value).join(" ");
          const held = (part.textContent + " " + typed).toLowerCase();
          part.hidden = !words.every((word) => held.includes(word));
        }
      };
      input.oninput = apply;
      input.onkeydown = (event) => { if (event.key === "Enter") event.preventDefault(); };
      if (input.value) apply();
    }
  }

  function prepare(within) {
    filterParts(within);
    offerCopies(within);
    submitBySelect(within);
    tickTogether(within);
  }

  document.addEventListener("DOMContentLoaded", () => {
    tellZone();
    followLiveParts();
    sendOnce();
    closeMenus();
    followKeys();
    prepare(document);
    document.body.addEventListener("htmx:load", (event) => { prepare(event.detail.elt); });
  });
})();
