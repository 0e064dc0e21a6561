import type { ApiProblem } from '../../api/problem';

/** Whether one's own password, asked for as a proof, was the wrong one. */
export function passwordIsWrong(problem: ApiProblem | undefined): boolean {
  return problem?.type === 'urn:contactbar:problem:wrong-password';
}
