/** Formatted text of editable elements, without what could run or ask another server. */

const ELEMENTS =
  /^(p|div|span|br|b|i|u|s|em|strong|code|pre|ul|ol|li|blockquote|h[1-6]|a|su[bp]|hr|table|thead|tbody|tr|t[dh])$/;
const ATTRIBUTES = /^(colspan|rowspan|start|type|dir|lang)$/;

/** Returns the nodes of formatted text, made anew of what is known to be harmless. */
export const harmless = (html: string): Node[] => rebuilt(new DOMParser().parseFromString(html, "text/html").body);

function rebuilt(from: Element): Node[] {
  return [...from.childNodes].flatMap((one): Node[] => {
    if (one instanceof Text) return [document.createTextNode(one.data)];
    if (!(one instanceof Element) || /^(script|style|template)$/i.test(one.localName)) return [];
    const within = rebuilt(one);
    if (!ELEMENTS.test(one.localName)) return within;
    const made = document.createElement(one.localName);
    for (const { name, value } of one.attributes) {
      const isHarmless = ATTRIBUTES.test(name) || (name === "href" && made.localName === "a" && isLink(value));
      if (isHarmless) made.setAttribute(name, value);
    }
    made.append(...within);
    return [made];
  });
}

function isLink(address: string): boolean {
  try {
    return /^(https?|mailto):$/.test(new URL(address, document.baseURI).protocol);
  } catch {
    return false; // it is no address
  }
}
