import { gaugeOf } from './metrics';

export const showBuild = gaugeOf(
  'talaria_build_info',
  'Always 1; which program this is, and of which version',
  {
    service: ['ingestion', 'processor', 'dispatcher'],
    version: 'the version of the program',
  },
);
