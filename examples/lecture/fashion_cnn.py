# CNN을 이용한 Fashion mnist모델 학습 과정의 이해
#
#     pyconvnet run examples/lecture/fashion_cnn.py
#
# The cells as they are printed, with the outputs that are printed in them as comments left out; scikit-learn is needed.
# Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was changed.

# %% [markdown]
# ## 데이터 전처리

# %%
# 데이터 불러오기
from tensorflow import keras
from sklearn.model_selection import train_test_split

(train_input, train_target), (test_input, test_target) = \
  keras.datasets.fashion_mnist.load_data()

# 데이터 체크
train_input.shape, train_target.shape, test_input.shape, test_target.shape

# 정규화
train_scaled = train_input.reshape(-1,28,28,1) / 255.0

# 정규화 데이터 체크
train_scaled.shape

# 데이터셋 분리
train_scaled, val_scaled, train_target, val_target = train_test_split(
    train_scaled, train_target, test_size=0.2, random_state = 42
)

# 분리 데이터 체크
train_scaled.shape, val_scaled.shape

# %% [markdown]
# ## 합성곱 신경망 만들기

# %%
model = keras.Sequential()

model.add(keras.layers.Conv2D(32,                          # 32개의 필터
                              kernel_size = 3,             # 커널사이즈 3*3
                              activation='relu',           # 활성화 함수 relu 
                              padding='same',              # 패딩을 사용
                              input_shape=(28, 28, 1)))    # 입력층 셋팅
model.add(keras.layers.MaxPooling2D(2))

model.add(keras.layers.Conv2D(64,
                              kernel_size = 3,
                              activation='relu',
                              padding='same'))
model.add(keras.layers.MaxPooling2D(2))

# 1차원
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(100, activation='relu'))
model.add(keras.layers.Dropout(0.4)) # Dropout : 노드의 일부를 Drop -> 과적합 방지
model.add(keras.layers.Dense(10, activation='softmax'))

model.summary()

# 모델 컴파일
model.compile(optimizer='adam',loss='sparse_categorical_crossentropy', metrics='accuracy')

# 모델 시각화
keras.utils.plot_model(model)

# %% [markdown]
# ## 모델 저장 및 학습

# %%
# 모델 저장
checkpoint_cb = keras.callbacks.ModelCheckpoint('best-cnn-model.h5',
                                                save_best_only = True)
# 과적합 방지
early_stopping_cb = keras.callbacks.EarlyStopping(patience=2,
                                                  restore_best_weights=True)

# 모델 학습
history = model.fit(train_scaled, train_target, epochs=50,
                    validation_data = (val_scaled, val_target),
                    callbacks=[checkpoint_cb, early_stopping_cb])
															# 모든 에포크마다 모델 저장 / 과적합 방지
# 설정해둔 early_stopping_cb으로 인해 학습 일찍 종료

# %% [markdown]
# ## 모델 평가

# %%
import matplotlib.pyplot as plt

# 모델 평가
model.evaluate(val_scaled, val_target)

# 그래프로 시각화하기
def eval_graph(history):  
  plt.plot(history.history['loss'])
  plt.plot(history.history['val_loss'])
  plt.xlabel('epoch')
  plt.ylabel('loss')
  plt.legend(['train', 'validation'])
  plt.show()

eval_graph(history)

# %% [markdown]
# ## 저장된 모델 불러와보기

# %%
# ERRATUM: the file is beside the script and not in /content, which is Colab's folder.
model2 = keras.models.load_model('best-cnn-model.h5')
model2.summary()

# 불러온 모델 평가
model2.evaluate(val_scaled, val_target)
