import { Controller, Get } from '@nestjs/common';

/** It needs nothing else: it is well when it answers. */
@Controller('health')
export class HealthController {
  @Get(['live', 'ready'])
  well(): { status: string } {
    return { status: 'ok' };
  }
}
