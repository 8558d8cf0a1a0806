import { cleanText } from '../kit/foreign-text.js'

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Foreign text as the content of an XML element or attribute, on one line and cut. */
export function escapeXml(text: string): string {
  return cleanText(text, [], 80)
    .replace(/\p{Cs}/gu, '�')
    .replace(/[&<>"']/g, (mark) => entities[mark]!)
}
