import { goldenOnFlink } from './golden-on-flink.ts'

goldenOnFlink('statements')
