import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { steadyClock } from './clock';
import { CloudApiController } from './cloud-api/cloud-api.controller';
import { HangingReplies } from './cloud-api/hanging-replies';
import { HealthController } from './health.controller';
import { ScriptingController } from './scripting/scripting.controller';
import { Simulator, type SimulatorOptions } from './simulator';

@Module({})
export class AppModule implements OnApplicationShutdown {
  constructor(@Inject(Simulator) private readonly simulator: Simulator) {}

  static register(options: SimulatorOptions): DynamicModule {
    return {
      module: AppModule,
      controllers: [HealthController, ScriptingController, CloudApiController],
      providers: [
        HangingReplies,
        { provide: Simulator, useFactory: () => new Simulator(options, steadyClock) },
      ],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.simulator.close();
  }
}
