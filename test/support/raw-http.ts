import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends raw bytes. @returns everything that the service sends until it closes the connection */
export async function exchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  let answer = '';
  socket.on('data', (text: string) => (answer += text));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

/** Sends raw bytes. @returns the first bytes of the response, even if the request is incomplete */
export async function firstAnswer(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.write(bytes);
  const [answer] = (await once(socket, 'data')) as [string];
  socket.destroy();
  return answer;
}

/** Sends the beginning of a request and disconnects. */
export async function hangUpAfter(url: string, bytes: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise((written) => socket.write(bytes, written));
  socket.destroy();
}

/** Waits for the answer to a first request, sends the second one, and resets the connection at once. */
export async function resetAfter(url: string, first: string, second: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(first);
  await once(socket, 'data');
  await new Promise((written) => socket.write(second, written));
  socket.resetAndDestroy();
}
