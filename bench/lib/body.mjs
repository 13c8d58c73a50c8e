/** The reply that every contender serves: 2 KB of JSON, the same in every process. */
export const value = {
  items: Array.from({ length: 24 }, (_, id) => ({ id, name: `Product number ${id}`, price: id * 7 % 100, stock: id % 3 === 0, tag: 'abcdef' }))
}
export const text = JSON.stringify(value)
export const body = Buffer.from(text)
export const contentType = 'application/json; charset=utf-8'
