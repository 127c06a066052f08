// Composition of the service stands here.
WebApplication.CreateBuilder(args).Build().Run();
