import { visit } from 'jsonc-parser';
import { COMMON_ERRORS, RegisterError } from '../errors.js';

const MAX_DEPTH = 20;
/** Enough for ten thousand objects. Parsing takes time in proportion, and the client has not signed in yet. */
const MAX_VALUES = 200_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a JSON text more strictly than `JSON.parse`: it must be valid UTF-8, repeat no member of an object,
 * not be nested deeper than 20 levels, and not contain more than 200,000 values. Lenient parsers read such bodies
 * differently, so that the register might store something else than the client meant.
 *
 * @throws RegisterError `body_too_large`, or `body_malformed`, whose message has the place but nothing of the body
 */
export function parseStrictJson(body: Buffer): unknown {
  const text = decodeUtf8(body);
  const fault = scan(text);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Don't use V8's message, which quotes the body.
    throw malformed(`The body is not valid JSON${text.trim() === '' ? ': it is blank' : (fault ?? '')}`);
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw malformed('The body is not valid UTF-8');
  }
}

/**
 * Refuses repeated members, deep nesting and too many values.
 *
 * @returns where the text stops being JSON; undefined = it is JSON
 */
function scan(text: string): string | undefined {
  let fault: string | undefined;
  const members: Set<string>[] = [];
  let depth = 0;
  let values = 0;
  const countValue = (): void => {
    if (++values > MAX_VALUES) {
      throw new RegisterError(
        COMMON_ERRORS.body_too_large,
        `The body contains more than ${MAX_VALUES} values`,
      );
    }
  };
  const enter = (line: number, character: number): void => {
    countValue();
    if (++depth > MAX_DEPTH) {
      throw malformed(`The body is nested deeper than ${MAX_DEPTH} levels${place(line, character)}`);
    }
  };
  visit(text, {
    onObjectBegin: (_offset, _length, line, character) => {
      enter(line, character);
      members.push(new Set());
    },
    onObjectProperty: (name, _offset, _length, line, character) => {
      const seen = members.at(-1);
      if (seen?.has(name)) throw malformed(`The body repeats a member${place(line, character)}`);
      seen?.add(name);
    },
    onObjectEnd: () => {
      depth--;
      members.pop();
    },
    onArrayBegin: (_offset, _length, line, character) => enter(line, character),
    onArrayEnd: () => {
      depth--;
    },
    onLiteralValue: countValue,
    onComment: (_offset, _length, line, character) => {
      countValue();
      fault ??= place(line, character);
    },
    onError: (_error, _offset, _length, line, character) => {
      countValue();
      fault ??= place(line, character);
    },
  });
  return fault;
}

function place(line: number, character: number): string {
  return ` (line ${line + 1}, column ${character + 1})`;
}

function malformed(message: string): RegisterError {
  return new RegisterError(COMMON_ERRORS.body_malformed, message);
}
