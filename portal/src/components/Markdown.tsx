import { Link, makeStyles, tokens } from "@fluentui/react-components";
import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";

const useStyles = makeStyles({
  text: {
    overflowWrap: "anywhere",
    "& h1, & h2, & h3, & h4, & h5, & h6": {
      margin: `${tokens.spacingVerticalM} 0 ${tokens.spacingVerticalXS}`,
      fontSize: tokens.fontSizeBase400,
      lineHeight: tokens.lineHeightBase400,
    },
    "& h1": { fontSize: tokens.fontSizeBase500, lineHeight: tokens.lineHeightBase500 },
    "& p": { margin: `${tokens.spacingVerticalXS} 0` },
    "& pre": {
      overflowX: "auto",
      padding: tokens.spacingHorizontalM,
      borderRadius: tokens.borderRadiusMedium,
      backgroundColor: tokens.colorNeutralBackground3,
    },
    "& code": { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
    "& table": { borderCollapse: "collapse" },
    "& th, & td": { border: `1px solid ${tokens.colorNeutralStroke2}`, padding: tokens.spacingHorizontalXS },
    "& img": { maxWidth: "100%" },
  },
});

/** Pictures that came with the answer; one elsewhere would tell its owner that somebody reads. */
const OWN_PICTURE = /^data:image\/(png|jpe?g|gif|webp);base64,/;

/** Text of a flow or a person: its HTML is shown as text, its links say where they lead, nothing is loaded. */
export function Markdown({ text }: { text: string }) {
  const styles = useStyles();
  return (
    <div className={styles.text}>
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        urlTransform={(url) => (OWN_PICTURE.test(url) || /^(https?|mailto):/.test(url) ? url : "")}
        components={{
          a: ({ href, children }) =>
            href ? (
              <Link href={href} target="_blank" rel="noopener noreferrer" title={href}>
                {children}
              </Link>
            ) : (
              <span>{children}</span>
            ),
          img: ({ src, alt }) =>
            typeof src === "string" && OWN_PICTURE.test(src) ? (
              <img src={src} alt={alt ?? ""} />
            ) : (
              <span>{`[picture not loaded: ${alt || src || ""}]`}</span>
            ),
        }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
