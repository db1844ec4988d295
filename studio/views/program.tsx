/** ProgramView. */
export function ProgramView() {
  return <div class="view" />;
}
