import { Failure } from '../../../shared/domain/failure.ts'

/** The base has what landed, but its checkout shows the files of before: left like that, the landing would look undone. */
export const checkoutBehind = (checkout: string | null, branch: string) =>
  new Failure(
    'base_dirty',
    `It has landed on ${branch}, but ${checkout} still shows the files of before: changes of yours are in the way. Stash them there (\`git stash\`), and it goes on.`,
    { path: checkout },
  )
