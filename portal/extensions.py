"""The Flask extensions, made once, bound to the application in ``portal.app``."""

from flask_babel import Babel
from flask_mail import Mail
from flask_migrate import Migrate
from flask_socketio import SocketIO
from flask_wtf import CSRFProtect

babel = Babel()
csrf = CSRFProtect()
mail = Mail()
migrate = Migrate()
socketio = SocketIO()
