"use strict";
// Reading needs none of this: it filters what is there.
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
    let shown = 0;
    for (const article of articles) {
      const fits =
        (!verdict || article.dataset.verdict === verdict) &&
        (!severity || article.dataset.severity === severity) &&
        words.every((word) => texts.get(article).includes(word));
      article.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    told.textContent = `${shown} of ${articles.length} controls shown`;
  };
  const order = { worst: "rank", id: "id" };
  const sort = () => {
    const list = document.getElementById("controls");
    const by = order[form.elements.sort.value];
    const key = (a) => (by === "rank" ? Number(a.dataset.rank) : a.dataset.id);
    [...articles]
      .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
      .forEach((a) => list.append(a));
  };
  form.hidden = false;
  form.addEventListener("input", () => { sort(); apply(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
