// Lets visitor.mjs find the browser's driver among the widget's packages.
import { register } from "node:module";
register(`data:text/javascript,${encodeURIComponent(`
const widget = ${JSON.stringify(new URL("../../widget-js/package.json", import.meta.url).href)};
export const resolve = (name, context, next) =>
  next(name, name.startsWith("playwright") ? { ...context, parentURL: widget } : context);
`)}`);
