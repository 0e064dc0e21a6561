import type { Problem } from './schema';

/** What went wrong with a request, in the form in which the API says it (RFC 9457), or that it never got there. */
export class ApiProblem extends Error {
  constructor(
    /** The HTTP status; 0: no answer came. */
    readonly status: number,
    /** A URI that says what kind of problem it is, or `about:blank`. */
    readonly type: string,
    readonly title: string,
    readonly detail: string | undefined,
    readonly errors: readonly { field: string; message: string }[],
    readonly requestId: string | undefined,
    /** After how many seconds it may be tried again, where the server says so. */
    readonly retryAfterSecs: number | undefined,
  ) {
    super(detail ?? title);
  }

  static fromAnswer(response: Response, body: unknown): ApiProblem {
    const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
    const retryAfter = Number(response.headers.get('Retry-After'));
    return new ApiProblem(
      response.status,
      problem.type || 'about:blank',
      problem.title ?? response.statusText,
      problem.detail ?? undefined,
      problem.errors ?? [],
      problem.request_id ?? response.headers.get('X-Request-Id') ?? undefined,
      retryAfter > 0 ? retryAfter : undefined,
    );
  }

  static offline(): ApiProblem {
    return new ApiProblem(0, 'about:blank', 'offline', undefined, [], undefined, undefined);
  }

  /** What is wrong with one field, if it is this field. */
  of(field: string): string | undefined {
    return this.errors.find((error) => error.field === field)?.message;
  }
}
