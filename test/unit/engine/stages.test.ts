/** The stages of a request as its summary tells them: what is part of what, which source was read, what failed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { during, Stages } from '../../../src/engine/stages/stages.ts'
import { FakeClock } from '../../support/fake-clock.ts'

