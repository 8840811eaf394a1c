"use strict";
// Reading needs none of this: it filters what is there, opens and copies.
(() => {
  const form = document.querySelector("form.filter");
  if (!form) return;
  const articles = [...document.querySelectorAll("article")];
  const texts = new Map(articles.map((a) => [a, a.textContent.toLowerCase()]));
  const told = document.getElementById("shown");
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = form.elements.verdict.value;
    const severity = form.elements.severity.value;
    const section = form.elements.section.value;
    let shown = 0;
    for (const article of articles) {
      const fits =
        (!verdict || article.dataset.verdict === verdict) &&
        (!severity || article.dataset.severity === severity) &&
        (!section || article.dataset.section === section) &&
        words.every((word) => texts.get(article).includes(word));
      article.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    told.textContent = `${shown} of ${articles.length} controls shown`;
  };
  const sort = () => {
    const list = document.getElementById("controls");
    const by = form.elements.sort.value;
    const key = (a) => (by === "worst" ? Number(a.dataset.rank) : a.dataset.id);
    [...articles]
      .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
      .forEach((a) => list.append(a));
  };
  const openAll = (open) =>
    articles.filter((a) => !open || !a.hidden).forEach((a) => (a.querySelector("details").open = open));
  // A link to a control shows it, whatever is filtered.
  const follow = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const article = articles.find((a) => a.id === id);
    if (!article) return;
    article.hidden = false;
    article.querySelector("details").open = true;
    article.scrollIntoView();
  };
  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
  for (const code of document.querySelectorAll("article code")) {
    if (!/^(juju|kubectl|ckf-hardening) /.test(code.textContent)) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${code.textContent}`);
    button.addEventListener("click", () => copy(code.textContent, button));
    code.after(button);
  }
  form.hidden = false;
  form.addEventListener("input", () => { sort(); apply(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.expand.addEventListener("click", () => openAll(true));
  form.elements.collapse.addEventListener("click", () => openAll(false));
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => openAll(true));
  apply();
  follow();
})();
