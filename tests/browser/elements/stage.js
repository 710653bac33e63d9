// A page with a document, and the elements that a test puts into it. Its Content-Security-Policy is the strictest.
import { connect } from "/api/client/savepoint.js";
import * as elements from "/api/client/elements.js";
import { german } from "/api/client/german.js";

// axe takes a page without a background for a white one.
document.documentElement.style.background = "Canvas";
const options = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");
const text = document.querySelector("#text");
Object.assign(window, { elements, german, events: [], user: options.user });
window.server = connect({
  baseUrl: "/api/persistence",
  app: options.app ?? "test",
  headers: async () => ({ "X-User-Id": window.user }),
});
window.start = async (more = {}) => {
  window.doc = await server.open({
    serialize: () => text.value,
    apply: (content) => (text.value = content),
    ...{ journalAfter: 30, wait: 100, maxWait: 1000, poll: 400 },
    ...options.open,
    ...more,
  });
  return doc.id;
};
text.addEventListener("input", () => window.doc?.changed());
// Puts an element into the page. It has the properties that are given, the document and the server.
window.put = (name, properties = {}) => {
  const element = document.createElement(name);
  Object.assign(element, { doc: window.doc, server }, properties);
  document.querySelector("#here").append(element);
};
const watched = ["savepoint-open", "savepoint-notice", "savepoint-view", "savepoint-preview", "savepoint-put"];
for (const name of watched) {
  document.addEventListener(name, ({ detail }) => events.push([name, JSON.parse(JSON.stringify(detail))]));
}
if (options.open || options.begins) await start();
document.body.dataset.loaded = "";
