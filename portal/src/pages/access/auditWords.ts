/** "regenerateKey" → "Regenerate key". */
export function spokenAction(action: string): string {
  const words = action.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
