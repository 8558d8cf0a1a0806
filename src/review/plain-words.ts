import { cleanText } from '../kit/foreign-text.js'

/**
 * Foreign text where nothing can be escaped, such as titles and labels of diagrams: letters, digits and the punctuation
 * that means nothing there. Anything else becomes a middle dot.
 */
export function plainWords(text: string, length = 60): string {
  return cleanText(text, [], length)
    .replace(/[^\p{L}\p{N} .,:/_+()–…→-]/gu, '·')
    .replace(/GH-/gi, 'GH·')
}
