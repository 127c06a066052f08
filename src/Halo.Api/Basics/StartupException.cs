namespace Halo.Api.Basics;

/// <summary>The service cannot start and a person has to put something right: the message names what and how, and is shown without a stack.</summary>
sealed class StartupException(string message, Exception? cause = null) : Exception(message, cause);
