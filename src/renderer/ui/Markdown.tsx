import { memo } from 'react'
import ReactMarkdown from 'react-markdown'
import { openLink } from './open-link.ts'
import './markdown.css'

/**
 * Markdown from a brief, an agent or a repository: inert. Raw HTML stays text, images become their alternative text
 * (a remote image tells its server who reads), links open outside and only when they are http(s).
 */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <ReactMarkdown
        skipHtml={false}
        urlTransform={(url) => (/^https?:\/\//i.test(url) ? url : '')}
        components={{
          img: ({ alt }) => <span className="markdown-image">[image: {alt || 'no description'}]</span>,
          a: ({ href, children }) =>
            href ? (
              <a
                href={href}
                title={href}
                rel="noreferrer noopener"
                onClick={(event) => {
                  event.preventDefault()
                  openLink(href)
                }}
              >
                {children}
              </a>
            ) : (
              <span>{children}</span>
            ),
        }}
      >
        {text}
      </ReactMarkdown>
    </div>
  )
})
