/** Whether a text can be typed, shown in a list and sent in a header. @param max characters, as Unicode code points */
export function isPrintable(text: string, max: number): boolean {
  return text.isWellFormed() && [...text].length <= max && !/\p{Cc}/u.test(text);
}
