// Tokens by which a stranger may download an image, or upload one, once: operations of the class `token`, known by a secret.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { ImagesPost } from "../api/images.ts";
import type { Operation } from "../operations/operation.ts";
import type { Operations } from "../operations/registry.ts";

/** How long a token holds that nobody uses, in ms. */
const lifetime = 24 * 3_600_000;
/** How long a download that was cut off may go on by a token that is used up. */
const resumable = 10 * 60_000;

interface Token {
  operation: Operation;
  project: string;
  fingerprint: string;
  secret: string;
  /** What an image that is uploaded by it is to be. */
  put: ImagesPost;
}

function isSame(a: string, b: string): boolean {
  const [one, two] = [Buffer.from(a), Buffer.from(b)];
  return one.length === two.length && timingSafeEqual(one, two);
}

type Opened = Pick<Token, "project" | "fingerprint" | "secret">;

function find<T extends Opened>(tokens: Iterable<T>, project: string, fingerprint: string, secret: string | undefined): T | undefined {
  return [...tokens].find((token) => secret && token.project === project && token.fingerprint === fingerprint && isSame(token.secret, secret));
}

export class ImageTokens {
  readonly #tokens = new Set<Token>();
  /** Those that a download was begun with a while ago. */
  readonly #used = new Set<Opened>();

  /** Makes a token: its operation, which ends when it has been used. `fingerprint` is that of an image that may be yet to come. */
  make(operations: Operations, project: string, fingerprint: string, put: ImagesPost = {}): Operation {
    const secret = randomBytes(32).toString("hex");
    const { aliases, expires_at, properties } = put;
    const operation = operations.start({
      class: "token", description: "Image download token", project, resources: { images: [`/1.0/images/${fingerprint}`] }, cancellable: true, openEnded: true,
      metadata: { ...(put.source ? { aliases: aliases ?? null, expires_at: expires_at ?? null, properties: properties ?? null, public: put.public ?? false } : {}), secret },
      run: ({ signal }) => new Promise((_, reject) => {
        const timer = setTimeout(() => operation.cancel(), lifetime).unref();
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          this.#tokens.delete(token);
          reject(signal.reason);
        });
      }),
    });
    const token = { operation, project, fingerprint, secret, put };
    this.#tokens.add(token);
    return operation;
  }

  /** Whether a secret opens an image. */
  opens(project: string, fingerprint: string, secret: string | undefined): boolean {
    return find(this.#tokens, project, fingerprint, secret) !== undefined;
  }

  /** Whether a download that was begun by it may go on after its first byte. */
  goesOn(project: string, fingerprint: string, secret: string | undefined, range: string | undefined): boolean {
    return /^bytes=[1-9]\d*-$/.test(range ?? "") && find(this.#used, project, fingerprint, secret) !== undefined;
  }

  /** Uses a token up; undefined when there is none. */
  use(project: string, fingerprint: string, secret: string | undefined): Pick<Token, "put"> | undefined {
    const token = find(this.#tokens, project, fingerprint, secret);
    if (!token) return undefined;
    token.operation.cancel();
    const used: Opened = { project, fingerprint, secret: token.secret };
    this.#used.add(used);
    setTimeout(() => this.#used.delete(used), resumable).unref();
    return token;
  }
}
