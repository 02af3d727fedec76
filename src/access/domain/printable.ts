/** Whether a text is well-formed, has no control characters and at most `max` Unicode code points. */
export function isPrintable(text: string, max: number): boolean {
  return text.isWellFormed() && [...text].length <= max && !/\p{Cc}/u.test(text);
}
