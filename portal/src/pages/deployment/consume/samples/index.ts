/** The languages, in their order. */

import type { Sample } from "./call";
import { csharp } from "./csharp";
import { curl } from "./curl";
import { go } from "./go";
import { java } from "./java";
import { javascript } from "./javascript";
import { python, pythonStreaming } from "./python";
import { r } from "./r";

export const SAMPLES: readonly Sample[] = [curl, python, pythonStreaming, javascript, csharp, java, go, r];
