const hangingIndent = '  '

/**
 * Text whose lines go on below themselves, indented, where they are wider than `width` characters. Nothing is cut: a word
 * that is wider stays whole. Default width: the terminal's, and no limit when piped, so that nothing is lost to `grep`.
 */
export function wrapProse(text: string, width = terminalWidth()): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width))
    .join('\n')
}

function wrapLine(line: string, width: number): string {
  if (line.length <= width) return line
  const indent = /^ */.exec(line)![0]
  const rest = `\n${indent}${hangingIndent}`
  return (
    indent + wrapWords(line.slice(indent.length), width - indent.length - hangingIndent.length).join(rest)
  )
}

/** Lines of at most `width` characters, but where a word alone is wider. */
export function wrapWords(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

export function terminalWidth(): number {
  // A terminal that does not know its width says 0.
  return process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
}
