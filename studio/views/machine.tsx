/** MachineView. */
export function MachineView() {
  return <div class="view" />;
}
